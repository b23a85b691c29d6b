import type { ResourceProviderHost } from "./resource-provider.js";

/** A provider whose instances share nothing that would have to be freed after them. */
export function independentProvider(provider: Omit<ResourceProviderHost, "close">): ResourceProviderHost {
  return { ...provider, close: async () => {} };
}
