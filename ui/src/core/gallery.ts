// What is looked at in the gallery, and what is looked for on other pages, as it stands in their addresses.

/** Words that are looked for. */
export interface Words {
  q?: string;
}

/** words reads them from an address that anybody may have written. */
export const words = ({ q }: Record<string, unknown>): Words => ((typeof q === "string" && q !== "") || typeof q === "number" ? { q: String(q).slice(0, 200) } : {});

/** What the media type of files begins with, words and how they are meant, and the digest of the file that is open. */
export interface Look extends Words {
  kind?: string;
  /** The words say what files are about; else they stand in their names. */
  by?: "meaning";
  file?: string;
}

/** How many files the host is asked for at once. */
export const pageSize = 60;

/** pagesOf gives the pages of a list that has so many files on which those from one place to another are, and those beside the one that is open. */
export function pagesOf([from, to]: readonly [number, number], open: number | undefined, total: number): number[] {
  const pageOf = (place: number): number => Math.floor(place / pageSize);
  const pages = new Set(open === undefined ? [] : [pageOf(open - 1), pageOf(open), pageOf(open + 1)]);
  for (let p = pageOf(from); p <= pageOf(to); p++) pages.add(p);
  return [...pages].filter((p) => p >= 0 && p * pageSize < total).sort((a, b) => a - b);
}

/** lookOf reads an address that anybody may have written: what says nothing is left out. */
export function lookOf(search: Record<string, unknown>): Look {
  const { kind, by, file } = search;
  return {
    ...(typeof kind === "string" && kind !== "" ? { kind } : {}),
    ...words(search),
    ...(by === "meaning" ? { by } : {}),
    ...(typeof file === "string" && file !== "" ? { file } : {}),
  };
}
