import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "../../data/host.js";

export const triggers = queryOptions({ queryKey: ["triggers"], queryFn: () => ask(api.GET("/api/v1/triggers")) });
