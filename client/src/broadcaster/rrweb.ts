/** rrweb's recorder, a script of its own: the page loads it once somebody asks to look. */
export { record } from "@rrweb/record";
