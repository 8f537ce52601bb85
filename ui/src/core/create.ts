// Create asks for few things. Which variables of a pipeline those are is read from their types and names.
import { holds, takes, type Variable } from "./launch.js";

/** The pipelines that Create may stand for, the best first. One that is not there, or asks for more than Create does, is passed over. */
export const preferred: readonly string[] = ["explainer", "talking_avatar", "storyboard_video"];

/** The variables behind what Create asks for. A topic may be a text or a file with one, a voice a sound or a name. */
export interface Asked {
  topic: Variable;
  /** What is said, word for word, in place of what is made of the topic. */
  words: Variable | undefined;
  portrait: Variable | undefined;
  voice: Variable | undefined;
  /** Whether who is shown and heard has agreed: nothing is made before that is said. */
  consent: Variable | undefined;
  /** In which of a few ways it is made. */
  profile: Variable | undefined;
}

const topics = /^(topic|text|script|prompt|article)$/;
const wordings = /^(narration|words|speech)$/;

/** askedOf finds them; undefined: the pipeline has no place for a topic, or has to be told something else too. */
export function askedOf(variables: readonly Variable[]): Asked | undefined {
  const files = variables.filter((v) => holds(v) !== undefined && (v.accept ?? []).length > 0);
  const texts = variables.filter((v) => v.type === "string" && !v.sensitive && v.options === undefined);
  const portrait = files.find((v) => takes(v, "image/png"));
  const voice = files.find((v) => v !== portrait && takes(v, "audio/wav")) ?? texts.find((v) => v.name === "voice");
  const topic = texts.find((v) => topics.test(v.name)) ?? texts.find((v) => v.required && v !== voice) ?? files.find((v) => v !== portrait && v !== voice && takes(v, "text/markdown"));
  if (topic === undefined) return undefined;
  const words = topic.required ? undefined : texts.find((v) => wordings.test(v.name) && !v.required);
  const consent = variables.find((v) => v.name === "consent" && v.type === "bool");
  const profile = variables.find((v) => v.name === "profile" && v.options !== undefined);
  const asked = [topic, portrait, voice, consent, profile];
  return variables.every((v) => !v.required || asked.includes(v)) ? { topic, words, portrait, voice, consent, profile } : undefined;
}

/** wordsOf is a name as it is read: "talking_avatar" is "Talking avatar". */
export const wordsOf = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1).replaceAll(/[_-]+/g, " ");

/** titleOf is what a run was made of, in a few words: the beginning of its words or topic, or the name of the file that has it. */
export function titleOf(inputs: Record<string, unknown> | undefined, { topic, words }: Pick<Asked, "topic" | "words">): string {
  const value = (words && inputs?.[words.name]) || inputs?.[topic.name];
  const name = typeof value === "object" && value !== null && "name" in value && typeof value.name === "string" ? value.name.replace(/\.[^.]*$/, "") : "";
  const [first = ""] = (typeof value === "string" ? value : name).replace(/^[#\s]+/, "").split("\n");
  return first.length > 90 ? `${first.slice(0, 89).trimEnd()}…` : first;
}

/** fileOf is a topic as a file, named by its first words: so its runs can be told apart. */
export function fileOf(topic: string): File {
  const words = (/[^#\s].*/.exec(topic)?.[0] ?? "topic").replace(/[^\p{L}\p{N} -]/gu, "").trim().slice(0, 60).trim();
  return new File([topic], `${words === "" ? "topic" : words}.md`, { type: "text/markdown" });
}
