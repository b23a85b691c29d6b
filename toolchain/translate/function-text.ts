/** What an expression as body of a function cannot begin with. */
const STATEMENT = /^(?:if|while|do|var|for|break|continue|return)(?![0-9A-Za-z$_])/;

/** A body whose last word is `return`, which the interpreter reads on beyond the end of the function. */
const OPEN_RETURN = /(?:^|[^0-9A-Za-z$_])return$/;

/**
 * A function as an element of a list of variables, as short as possible; the interpreter of boards keeps it in as many of its
 * variables as any other. What a function returns that returns nothing is nobody's business.
 * @param body statements without the last semicolon, and without string literals
 */
export function functionText(name: string, parameters: string, body: string): string {
  const inside = parameters.includes(",") || parameters === "" ? `(${parameters})` : parameters;
  return `${name}=${inside}=>${expressionOf(body) ?? `{${body}${OPEN_RETURN.test(body) ? ";" : ""}}`}`;
}

/** The expression that a body is, if it is no more than that. */
export function expressionOf(body: string): string | undefined {
  const [, returned] = /^return ?(?![0-9A-Za-z$_]*;)([^;]+)$/.exec(body) ?? [];
  if (returned !== undefined) {
    return returned;
  }
  return body === "" || body.includes(";") || body.startsWith("{") || STATEMENT.test(body) ? undefined : body;
}

/** A function without a name and parameters, which runs once where it is. */
export function runOnce(body: string): string {
  return `(()=>{${body}})();`;
}
