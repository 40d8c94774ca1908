import type { MemorySample, Worker } from "../worker.ts";

const SAMPLE_MS = 200;

/** What it took, of the client's processes and of the server's. */
export interface Resources {
  clientCpu: number;
  serverCpu: number;
  clientPeakMb: number;
  serverPeakMb: number;
  samples: readonly MemorySample[];
  /** What the system's folder takes on the disk, brought to rest; NaN when it was not. */
  diskBytes: number;
}

/** Do it and see what it takes; `settle`: bring the system to rest before the disk is looked at. */
export async function observed<T>(
  worker: Worker,
  act: () => Promise<T>,
  read: (done: T) => Promise<void>,
  settle: boolean,
): Promise<[T, Resources]> {
  worker.servers = await worker.call<number[]>("servers");
  const before = worker.cpuApart();
  worker.sampleEvery(SAMPLE_MS);
  const done = await act();
  const { samples } = worker;
  const after = worker.cpuApart();
  await read(done);
  if (settle) await worker.call("settle");
  return [
    done,
    {
      clientCpu: after.client - before.client,
      serverCpu: after.server - before.server,
      clientPeakMb: Math.max(...samples.map(({ client }) => client)) / 2 ** 20,
      serverPeakMb: Math.max(...samples.map(({ server }) => server)) / 2 ** 20,
      samples,
      diskBytes: settle ? worker.diskBytes() : Number.NaN,
    },
  ];
}

/**
 * Bytes of resident memory that come with each million points, by least squares over the samples of the last four fifths of
 * the time in which `points` were logged; NaN with too few of them.
 */
export function memorySlope(
  samples: readonly MemorySample[],
  side: "client" | "server",
  beganAt: number,
  endedAt: number,
  points: number,
): number {
  const from = beganAt + (endedAt - beganAt) / 5;
  const taken = samples.filter(({ atMs }) => atMs >= from && atMs <= endedAt);
  if (taken.length < 5) return Number.NaN;
  const millions = (atMs: number) => (((atMs - beganAt) / (endedAt - beganAt)) * points) / 1e6;
  const meanX = taken.reduce((sum, { atMs }) => sum + millions(atMs), 0) / taken.length;
  const meanY = taken.reduce((sum, sample) => sum + sample[side], 0) / taken.length;
  let above = 0;
  let below = 0;
  for (const sample of taken) {
    const x = millions(sample.atMs) - meanX;
    above += x * (sample[side] - meanY);
    below += x * x;
  }
  return above / below;
}
