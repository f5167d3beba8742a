// What is wrong with the form of a document, worded as Kubernetes words it.

export type Finding =
  /** A field the type does not have; ignored, warned about or refused, as `fieldValidation` says. */
  | { readonly kind: "unknownField"; readonly path: string }
  /** A key that came twice; the last value counts. */
  | { readonly kind: "duplicateField"; readonly path: string }
  /** A value its field cannot hold; always refused. At most one, the first in the document. */
  | {
      readonly kind: "wrongType";
      readonly path: string;
      readonly message: string;
      /** The same in the words of who reads documents that are maps already: strategic merge patches. */
      readonly conversion: string;
    };

/** The text of one finding: `unknown field "spec.foo"`. */
export function findingText(finding: Finding): string {
  switch (finding.kind) {
    case "unknownField":
      return `unknown field ${JSON.stringify(finding.path)}`;
    case "duplicateField":
      return `duplicate field ${JSON.stringify(finding.path)}`;
    case "wrongType":
      return finding.message;
  }
}

/**
 * The one sentence for a document that is refused, or `undefined` if nothing forbids it.
 *
 * @param strict whether unknown and duplicate fields are refused (`fieldValidation=Strict`)
 */
export function decodingErrorText(findings: readonly Finding[], strict: boolean): string | undefined {
  const wrong = findings.find((finding) => finding.kind === "wrongType");
  if (wrong !== undefined) return wrong.message;
  if (!strict || findings.length === 0) return undefined;
  return `strict decoding error: ${findings.map(findingText).join(", ")}`;
}

/** Findings past this are not listed: the first hundred tell enough. */
export const findingsMax = 100;
