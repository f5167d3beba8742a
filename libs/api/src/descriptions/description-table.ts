// The shape of the description tables. They are our own words: what a user has to know about a field, in one sentence.

/** What is said of one type: `""` is the type itself, every other key one of its fields. */
export type TypeTexts = Readonly<Record<string, string>>;

export interface DescriptionTable {
  /** What the type names of the table begin with: `io.k8s.api.core.v1.` */
  readonly prefix: string;
  readonly types: Readonly<Record<string, TypeTexts>>;
}

/** What conditions of every kind have in common. */
export const conditionTexts: TypeTexts = {
  type: "Which aspect the condition speaks about.",
  status: "Whether the condition holds: True, False or Unknown.",
  lastTransitionTime: "When the status last changed from one value to another.",
  reason: "One CamelCase word, for programs, that says why the condition has its status.",
  message: "An explanation for people.",
};
