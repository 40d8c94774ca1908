import { createHash } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";

/** Noise does not compress: a square of this side is a PNG of 64 kB. */
const IMAGE_SIDE = 147;
const MIB = 2 ** 20;
/** Between the seeds of two series: what a system has seen before it might keep once. */
const SERIES = 20_000_000;

/** A picture that was given: its file, and digests of its bytes and of its pixels. */
export interface GivenImage {
  path: string;
  bytes: string;
  pixels: string;
}

/** Pictures of noise, each another, those of every series too. */
export function makeImages(folder: string, count: number, series = 0): GivenImage[] {
  return Array.from({ length: count }, (_, at) => {
    const pixels = noise(series * SERIES + at + 1, IMAGE_SIDE * IMAGE_SIDE * 3);
    const body = png(pixels, IMAGE_SIDE);
    const path = join(folder, `image-${at}.png`);
    writeFileSync(path, body);
    return { path, bytes: digest(body), pixels: digest(pixels) };
  });
}

/** A folder of one big file and many small ones, others in every series; `from`: the same with a hundredth of either changed. */
export function makeFolder(
  folder: string,
  { bigBytes, files, fileBytes }: { bigBytes: number; files: number; fileBytes: number },
  series: number,
  from?: string,
): void {
  mkdirSync(join(folder, "many"), { recursive: true });
  const big = join(folder, "big.bin");
  if (from) copyFileSync(join(from, "big.bin"), big);
  const changed = from ? Math.ceil(bigBytes / 100) : bigBytes;
  const file = openSync(big, from ? "r+" : "w");
  const seed = series * SERIES + (from ? 7_000_000 : 1_000_000);
  for (let at = 0; at < changed; at += MIB) {
    const bytes = noise(seed + at / MIB, Math.min(MIB, changed - at));
    writeSync(file, bytes, 0, bytes.length, at);
  }
  closeSync(file);
  for (let at = 0; at < files; at++) {
    const name = join("many", `${String(at).padStart(6, "0")}.bin`);
    if (from && at % 100 !== 0) copyFileSync(join(from, name), join(folder, name));
    else writeFileSync(join(folder, name), noise(seed + 1_000_000 + at, fileBytes));
  }
}

/** Path within the folder → digest, of every file. */
export function digestsOf(folder: string, within = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(join(folder, within), { withFileTypes: true })) {
    const path = join(within, entry.name);
    if (entry.isDirectory()) for (const [name, value] of digestsOf(folder, path)) found.set(name, value);
    else found.set(path, digest(readFileSync(join(folder, path))));
  }
  return found;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The same for the same seed. */
function noise(seed: number, length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** 8 bits of red, green and blue a pixel. */
function png(pixels: Uint8Array, side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const lines = Array.from({ length: side }, (_, line) =>
    // Each line begins with the kind of its filter: none.
    Buffer.concat([Buffer.of(0), pixels.subarray(line * side * 3, (line + 1) * side * 3)]),
  );
  const data = deflateSync(Buffer.concat(lines), { level: 1 });
  const signature = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", data),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(kind: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(kind, "latin1"), body]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
