import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { apiKeyProblem } from "./credentials.ts";
import { thisMachine } from "./machine.ts";
import { editNetrc, NetrcError, netrcPassword, netrcPath, writeNetrc } from "./netrc.ts";

const K = "k".repeat(40);
const HOST = "localhost:8080";

const READ: [string, string, string | undefined][] = [
  ["N1 one line", `machine ${HOST} login user password ${K}`, K],
  [
    "N1 three lines, quoted, a comment above",
    `# mine\nmachine ${HOST}\n  login user\n  password "${K}"\n`,
    K,
  ],
  ["N2 without the port", `machine localhost login user password ${K}`, undefined],
  ["N3 default", `default login user password ${K}`, K],
  ["N4 another login name", `machine ${HOST} login other password ${K}`, K],
  ["N4 no login", `machine ${HOST} password ${K}`, K],
  ["N8 two entries", `machine ${HOST} password first\nmachine ${HOST} password ${K}`, K],
  ["its own before default", `default password x\nmachine ${HOST} password ${K}`, K],
  ["N10 case", `machine LOCALHOST:8080 password ${K}`, undefined],
  ["a macro before", `macdef init\ncd /\nput x\n\nmachine ${HOST} password ${K}`, K],
  ["empty", "", undefined],
];
for (const [name, text, key] of READ) {
  test(`netrc: ${name}`, () => assert.equal(netrcPassword(text, HOST), key));
}

test("netrc: N6 a word that does not belong names its line", () => {
  assert.throws(
    () => netrcPassword(`machin ${HOST} password ${K}`, HOST),
    (error: NetrcError) => {
      assert.ok(error instanceof NetrcError);
      return /line 1: "machin"/.test(error.message);
    },
  );
});

test("netrc: N7, N11 where the file is", () => {
  const machine = (environment: Record<string, string>, ...there: string[]) => ({
    ...thisMachine(environment),
    platform: "linux" as const,
    home: "/home/ann",
    exists: (path: string) => there.includes(path),
  });
  assert.equal(netrcPath(machine({})), "/home/ann/.netrc");
  assert.equal(netrcPath(machine({}, "/home/ann/_netrc")), "/home/ann/_netrc");
  assert.equal(netrcPath(machine({ NETRC: "/nope" }, "/home/ann/.netrc")), "/nope");
  assert.equal(netrcPath(machine({ NETRC: "~/keys" })), "/home/ann/keys");
});

test("netrc: N12 what belongs to others stays in its order", () => {
  const before = `machine a login u password 1\nmachine ${HOST}\n  login x\n  password old\nmachine z password 3\n`;
  const after = editNetrc(before, HOST, K);
  assert.equal(
    after,
    `machine a login u password 1\nmachine z password 3\nmachine ${HOST}\n  login user\n  password ${K}\n`,
  );
  assert.equal(editNetrc(after, HOST, undefined), "machine a login u password 1\nmachine z password 3\n");
  assert.equal(netrcPassword(editNetrc("", HOST, 'a "b\\'), HOST), 'a "b\\');
});

test("netrc: N13 a new file is its owner's only; the mode of one that is there stays", () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-netrc-"));
  try {
    const path = join(folder, ".netrc");
    assert.equal(writeNetrc(path, HOST, undefined), false);
    assert.equal(writeNetrc(path, HOST, K), true);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    chmodSync(path, 0o640);
    writeNetrc(path, "other", K);
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.equal(writeNetrc(path, HOST, undefined), true);
    assert.equal(readFileSync(path, "utf8"), `machine other\n  login user\n  password ${K}\n`);
    assert.equal(writeNetrc(path, HOST, undefined), false, "there is no key of that host");
    writeFileSync(path, "");
    writeNetrc(path, HOST, undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const KEYS: [string, string, RegExp | undefined][] = [
  ["K1", "", /^API key is empty\.$/],
  ["K2", "a".repeat(39), /has 39\.$/],
  ["K3", "a".repeat(40), undefined],
  ["K3", "a".repeat(100), undefined],
  ["K3", `local-${K}`, undefined],
  ["K3", `-${K}`, undefined],
  ["K3", `wandb_v1_${"a".repeat(77)}`, undefined],
  ["K4", `local-${"a".repeat(39)}`, /has 39\.$/],
  ["K5", "a.b.c", undefined],
  ["K6", "a.b", /only contain/],
  ["K6", `${K}!`, /only contain/],
  ["K6", `${K}\n`, /only contain/],
  ["K7", "ü".repeat(40), /only contain/],
  ["K7", `a b-${K}`, /only contain/],
];
for (const [id, key, problem] of KEYS) {
  test(`key ${id}: ${key.length} characters`, () => {
    if (problem) assert.match(apiKeyProblem(key) ?? "", problem);
    else assert.equal(apiKeyProblem(key), undefined);
  });
}
