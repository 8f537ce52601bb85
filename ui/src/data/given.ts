// A file that another page hands to a form, by its address.
import { useEffect, useState, type Dispatch, type SetStateAction } from "react";
import { placeFor, type Draft, type Variable } from "../core/launch.js";
import { api, ask } from "./host.js";

/** useGiven puts a file that the host has into the variable that it most likely is for, once. */
export function useGiven(given: { file?: string; name?: string }, variables: readonly Variable[], setDraft: Dispatch<SetStateAction<Draft>>): Error | undefined {
  const [error, setError] = useState<Error>();
  const { file, name } = given;
  useEffect(() => {
    if (file === undefined) return;
    let left = false;
    ask(api.GET("/api/v1/artifacts/{digest}/info", { params: { path: { digest: file } } })).then(
      (info) => {
        const v = placeFor(variables, info.media_type);
        if (left || v === undefined) return;
        const artifact = { digest: info.digest, mediaType: info.media_type, size: info.size, name: name ?? info.names[0] ?? info.digest.slice(0, 19) };
        setDraft((d) => ({ ...d, files: { ...d.files, [v.name]: [artifact] } }));
      },
      (e: unknown) => !left && setError(e as Error),
    );
    return () => {
      left = true;
    };
  }, [file, name, variables, setDraft]);
  return error;
}
