// Numbers are exact in the host, where seeds reach 2^64-1. What JavaScript cannot hold stays as it is written, as text; the host takes
// it back so.

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** exact is a JSON text in which whole numbers beyond 2^53 are texts. */
export const exact = (json: string): string => (/\d{16}/.test(json) ? json.replace(token, (it) => (/^-?\d{16,}$/.test(it) && !Number.isSafeInteger(Number(it)) ? `"${it}"` : it)) : json);
