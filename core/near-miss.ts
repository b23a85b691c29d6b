/** Most single edits by which a misspelt word differs from the word that was meant. */
const MOST_EDITS = 2;

/**
 * The known word that a text is most likely a misspelling of: one that differs from it in case, or in one or two
 * characters when it is long enough for that.
 * @returns undefined when no known word comes near
 */
export function nearMiss(text: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = MOST_EDITS + 1;
  for (const word of known) {
    const edits = editDistance(text.toLowerCase(), word.toLowerCase());
    if (edits < fewest && edits <= word.length / 4) {
      best = word;
      fewest = edits;
    }
  }
  return best;
}

/** Levenshtein distance: characters to insert, delete or replace; texts of very different length are just far apart. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_EDITS) return MOST_EDITS + 1;
  let row: number[] = [];
  for (let j = 0; j <= b.length; j++) row.push(j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
