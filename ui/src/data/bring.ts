// A file that somebody brings, whatever it is.
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { toastProblem } from "../kit/toast.js";
import { useUpload } from "./upload.js";

/** useBring sends the first of some files to the host, and opens what it became. */
export function useBring() {
  const go = useNavigate();
  const { send, now, error, cancel } = useUpload(([a]) => a && void go({ to: "/open", search: { file: a.digest, name: a.name } }));
  useEffect(() => {
    if (error !== null) toastProblem(error);
  }, [error]);
  const bring = ([file]: File[]): void => {
    if (file !== undefined && now === undefined) send([file]);
  };
  return { bring, now, cancel };
}
