import { Link } from "@tanstack/react-router";
import { FilePen } from "lucide-react";
import { buttonClass } from "../../kit/button.js";
import { t } from "../../strings.js";

/** EditLink leads to a pipeline's file. */
export function EditLink({ name }: { name: string }) {
  return (
    <Link to="/pipelines/$name/edit" params={{ name }} className={buttonClass()}>
      <FilePen size={15} aria-hidden />
      {t.editor.edit}
    </Link>
  );
}
