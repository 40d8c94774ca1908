import { ProtoReader } from "./proto-reader.ts";

/**
 * `EnvironmentRecord` of the official client, which is `wandb-metadata.json` in a log: names are those of the file. Numbers
 * that are 64 bits wide are text in it. What the record has no field for is left out.
 */
interface Field {
  number: number;
  name: string;
  is: "text" | "count" | "long" | "time" | readonly Field[];
  many?: "list" | "map";
}

const text = (number: number, name: string): Field => ({ number, name, is: "text" });
const count = (number: number, name: string): Field => ({ number, name, is: "count" });
const long = (number: number, name: string): Field => ({ number, name, is: "long" });

const FIELDS: readonly Field[] = [
  text(1, "os"),
  text(2, "python"),
  { number: 3, name: "startedAt", is: "time" },
  text(4, "docker"),
  { number: 5, name: "args", is: "text", many: "list" },
  text(6, "program"),
  text(7, "codePath"),
  text(8, "codePathLocal"),
  { number: 9, name: "git", is: [text(1, "remote"), text(2, "commit")] },
  text(10, "email"),
  text(11, "root"),
  text(12, "host"),
  text(13, "username"),
  text(14, "executable"),
  text(15, "colab"),
  count(16, "cpu_count"),
  count(17, "cpu_count_logical"),
  text(18, "gpu"),
  count(19, "gpu_count"),
  { number: 20, name: "disk", is: [long(1, "total"), long(2, "used")], many: "map" },
  { number: 21, name: "memory", is: [long(1, "total")] },
  { number: 22, name: "cpu", is: [count(1, "count"), count(2, "countLogical"), text(3, "model")] },
  {
    number: 23,
    name: "apple",
    is: [
      text(1, "name"),
      count(2, "ecpuCores"),
      count(3, "pcpuCores"),
      count(4, "gpuCores"),
      count(5, "memoryGb"),
      long(6, "swapTotalBytes"),
      long(7, "ramTotalBytes"),
      text(8, "macModel"),
    ],
  },
  {
    number: 24,
    name: "gpu_nvidia",
    is: [
      text(1, "name"),
      long(2, "memoryTotal"),
      count(3, "cudaCores"),
      text(4, "architecture"),
      text(5, "uuid"),
      text(6, "pciBusId"),
      count(7, "numaNode"),
    ],
    many: "list",
  },
  text(25, "cudaVersion"),
  {
    number: 26,
    name: "gpu_amd",
    is: [
      "id",
      "uniqueId",
      "vbiosVersion",
      "performanceLevel",
      "gpuOverdrive",
      "gpuMemoryOverdrive",
      "maxPower",
      "series",
      "model",
      "vendor",
      "sku",
      "sclkRange",
      "mclkRange",
    ].map((name, at) => text(at + 1, name)),
    many: "list",
  },
  { number: 27, name: "slurm", is: "text", many: "map" },
  {
    number: 28,
    name: "trainium",
    is: [
      text(1, "name"),
      text(2, "vendor"),
      count(3, "neuronDeviceCount"),
      count(4, "neuroncorePerDeviceCount"),
    ],
  },
  {
    number: 29,
    name: "tpu",
    is: [text(1, "name"), count(2, "hbmGib"), count(3, "devicesPerChip"), count(4, "count")],
  },
  {
    number: 30,
    name: "coreweave",
    is: [text(1, "clusterName"), text(2, "orgId"), text(3, "region")],
  },
  text(199, "writerId"),
];

type Facts = Readonly<Record<string, unknown>>;

const factsOf = (value: unknown): Facts =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Facts) : {};

/** Throws RangeError when the bytes are no `EnvironmentRecord`. */
export function readEnvironmentBody(bytes: Uint8Array): Record<string, unknown> {
  return read(FIELDS, bytes);
}

function read(fields: readonly Field[], bytes: Uint8Array): Record<string, unknown> {
  const reader = new ProtoReader(bytes);
  const facts: Record<string, unknown> = {};
  while (reader.next()) {
    const field = fields.find(({ number }) => number === reader.field);
    if (!field) reader.skip();
    else if (field.many === "list")
      facts[field.name] = [
        ...((facts[field.name] as unknown[] | undefined) ?? []),
        readValue(reader, field.is),
      ];
    else if (field.many === "map") {
      const { key = "", value = emptyOf(field.is) } = read(
        [text(1, "key"), { number: 2, name: "value", is: field.is }],
        reader.bytes(),
      );
      facts[field.name] = { ...factsOf(facts[field.name]), [String(key)]: value };
    } else facts[field.name] = readValue(reader, field.is);
  }
  return facts;
}

const emptyOf = (is: Field["is"]) => (typeof is === "string" ? "" : {});

function readValue(reader: ProtoReader, is: Field["is"]): unknown {
  if (is === "text") return reader.text();
  if (is === "count") return reader.int();
  if (is === "long") return String(reader.int());
  if (is !== "time") return read(is, reader.bytes());
  const { seconds = 0, nanos = 0 } = read([count(1, "seconds"), count(2, "nanos")], reader.bytes()) as {
    seconds?: number;
    nanos?: number;
  };
  return new Date(seconds * 1000 + nanos / 1e6).toISOString();
}
