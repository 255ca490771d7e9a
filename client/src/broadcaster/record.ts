/** What a page needs to be recorded: rrweb's recorder, and what writes the log. A script of its own, loaded once somebody asks to look. */
export { record } from "@rrweb/record";
export { checkpointParts, Writer } from "./writer";
