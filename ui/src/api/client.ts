// The client of the host's API. Its types come from docs/openapi.json: npm run generate.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Api = Client<paths>;

/** connect gives a client of the host at base; empty: of the page's own. Without a token, a browser's session signs in. */
export function connect(base = "", token = ""): Api {
  return createClient<paths>({
    baseUrl: base,
    ...(token === "" ? {} : { headers: { Authorization: `Bearer ${token}` } }),
  });
}
