import { renderCoapApiPage } from "./coap-api-page.js";
import { renderCommandLinePage } from "./command-line-page.js";
import { renderConfigurationPage } from "./configuration-page.js";
import { renderErrorsPage } from "./errors-page.js";

/** Pages that follow from the code, and how they are made. */
export const GENERATED_PAGES: ReadonlyMap<string, () => string> = new Map([
  ["docs/errors.md", renderErrorsPage],
  ["docs/configuration.md", renderConfigurationPage],
  ["docs/command-line.md", renderCommandLinePage],
  ["docs/coap-api.md", renderCoapApiPage],
]);
