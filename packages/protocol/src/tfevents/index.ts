export { type EventValue, type PluginOfTag, readEvent, type TensorboardEvent } from "./event.ts";
export { type EventRecord, EventRecordReader, maskedCrc32c } from "./framing.ts";
