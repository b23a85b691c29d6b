import type { ResourceClass } from "../node/resources/resource-provider.js";

/** Resource classes in the text form of `--available-resources`. */
export function describeResources(classes: readonly ResourceClass[]): string {
  return classes
    .map(({ classType, version, outputs, configurations, description }) => {
      const lines = [
        "----------",
        `class_type: ${classType}`,
        `version: ${version}`,
        `outputs: [${outputs.join(",")}]`,
      ];
      if (configurations.size > 0) lines.push("configurations:");
      for (const [key, meaning] of configurations) lines.push(`  - ${key}: ${meaning}`);
      return `${[...lines, "description:", description].join("\n")}\n\n`;
    })
    .join("");
}

/** Resource classes as one JSON array, with the names of the reference. */
export function resourcesToJson(classes: readonly ResourceClass[]): string {
  return JSON.stringify(
    classes.map(({ classType, version, outputs, configurations, description }) => ({
      class_type: classType,
      description,
      version,
      outputs,
      configurations: Object.fromEntries(configurations),
    })),
  );
}
