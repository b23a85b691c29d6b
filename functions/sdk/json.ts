export { JsonReader } from "./json-reader";
export { JsonWriter } from "./json-writer";
