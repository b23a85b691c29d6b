import { register } from "node:module";

// Loaded with --import ahead of the tests of a function.
register("./testing-resolver.js", import.meta.url);
