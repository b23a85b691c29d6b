/** Why a text is not the number asked for; the kinds and texts of the Rust standard library. */
export enum NumberError {
  /** It is a number. */
  None,
  /** An empty text, where an integer was wanted. */
  EmptyInteger,
  /** A character that is no digit, or a sign without digits. */
  InvalidDigit,
  /** Above the greatest number of the type. */
  TooLarge,
  /** Below the least number of the type. */
  TooSmall,
  /** An empty text, where a float was wanted. */
  EmptyFloat,
  /** A text that is no float. */
  InvalidFloat,
}

let last: NumberError = NumberError.None;

/** Notes how the current reading ended. */
export function noteNumberError(error: NumberError): void {
  last = error;
}

/** How the last reading of a number ended. */
export function lastNumberError(): NumberError {
  return last;
}

/** The sentence of an error, empty for `None`. */
export function numberErrorText(error: NumberError): string {
  switch (error) {
    case NumberError.EmptyInteger:
      return "cannot parse integer from empty string";
    case NumberError.InvalidDigit:
      return "invalid digit found in string";
    case NumberError.TooLarge:
      return "number too large to fit in target type";
    case NumberError.TooSmall:
      return "number too small to fit in target type";
    case NumberError.EmptyFloat:
      return "cannot parse float from empty string";
    case NumberError.InvalidFloat:
      return "invalid float literal";
    default:
      return "";
  }
}
