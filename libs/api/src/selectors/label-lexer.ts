// Tokens of a label selector's text. Words and values are one class; `in` and `notin` are operators only where an
// operator may stand, so labels may be called so.

export type LabelToken =
  | { readonly kind: "word"; readonly text: string }
  | { readonly kind: "symbol"; readonly text: string }
  | { readonly kind: "end"; readonly text: "" };

const symbols: ReadonlySet<string> = new Set([")", ",", "!", "==", "=", "(", "!=", ">", "<"]);
const symbolCharacters = "=!(),><";
const spaces = " \t\r\n";

/** Cost: O(length). A run of symbols is cut where no longer one begins it: `a!==b` is `a`, `!=`, `=`, `b`. */
export function labelTokens(text: string): readonly LabelToken[] {
  const tokens: LabelToken[] = [];
  let i = 0;
  while (i < text.length) {
    const character = text.charAt(i);
    if (spaces.includes(character)) {
      i++;
    } else if (symbolCharacters.includes(character)) {
      const two = text.slice(i, i + 2);
      const symbol = symbols.has(two) ? two : character;
      tokens.push({ kind: "symbol", text: symbol });
      i += symbol.length;
    } else {
      const start = i;
      while (i < text.length && !spaces.includes(text.charAt(i)) && !symbolCharacters.includes(text.charAt(i))) i++;
      tokens.push({ kind: "word", text: text.slice(start, i) });
    }
  }
  tokens.push({ kind: "end", text: "" });
  return tokens;
}
