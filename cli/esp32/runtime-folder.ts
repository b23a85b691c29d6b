import { repositoryFile } from "../repository-file.js";

/** Where the build leaves the device runtime. */
export function runtimeFolder(): string {
  return repositoryFile("dist/firmware");
}
