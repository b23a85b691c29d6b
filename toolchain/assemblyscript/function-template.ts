/** Source of a new function: casts twice what it gets. */
export function functionSource(name: string): string {
  return `import { EdgeFunction, Event, log, Output } from "edgeless";

const result = new Output("result");

/** Casts twice the number it gets. */
@edgeFunction
class ${className(name)} extends EdgeFunction {
  onInit(payload: string, state: string): void {
    log.info("started");
  }

  onCast(event: Event): void {
    const value = event.i32();
    if (event.ok) result.cast((value * 2).toString());
    else log.warn("not a number: " + event.text);
  }
}
`;
}

/** Test of that function. */
export function functionTestSource(): string {
  const tests = [
    {
      name: "casts twice the number it gets",
      steps: [{ cast: "21", expect: [["cast", "result", "42"]] }],
    },
    { name: "ignores what is no number", steps: [{ cast: "x", expect: [] }] },
  ];
  return `${JSON.stringify({ tests }, undefined, 2)}\n`;
}

/** \`hello_world\` becomes \`HelloWorld\`. */
function className(name: string): string {
  return name
    .split(/[_-]+/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
}
