import { useMutation } from "@tanstack/react-query";
import type { Answer } from "../kit/question.js";
import { toast, toastProblem } from "../kit/toast.js";
import { t } from "../strings.js";
import { api, ask, queries } from "./host.js";

/** useAnswer answers the gate of a run at an address within it. */
export function useAnswer(run: string, at: string) {
  return useMutation({
    mutationFn: (answer: Answer) => ask(api.POST("/api/v1/runs/{id}/answer", { params: { path: { id: run } }, body: { at, ...answer } })),
    onSuccess: (_, { approved }) => {
      toast(approved ? t.question.approved : t.question.rejected);
      return queries.invalidateQueries({ queryKey: ["gates"] });
    },
    onError: toastProblem,
  });
}
