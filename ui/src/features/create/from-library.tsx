import { useQuery } from "@tanstack/react-query";
import type { AssetKind } from "../../core/assets.js";
import { takes, type Variable } from "../../core/launch.js";
import { asArtifact, type Artifact } from "../../core/values.js";
import { api, ask } from "../../data/host.js";
import { Select } from "../../kit/field.js";
import { t } from "../../strings.js";

/** FromLibrary offers the faces or voices of the library that a variable takes and that runs may use; nothing when there are none. */
export function FromLibrary({ kind, variable: v, files, onChoose }: { kind: AssetKind; variable: Variable; files: readonly Artifact[]; onChoose: (file: Artifact) => void }) {
  const found = useQuery({ queryKey: ["assets", "list", kind, ""], queryFn: () => ask(api.GET("/api/v1/assets", { params: { query: { kind } } })) });
  const some = (found.data?.assets ?? []).flatMap((a) => {
    const file = asArtifact(a.versions[0]?.artifact);
    return file === undefined || a.versions[0]?.refused || !takes(v, file.mediaType) ? [] : [{ name: a.name, file: { ...file, name: a.name } }];
  });
  if (some.length === 0) return null;
  return (
    <Select
      label={t.create.library}
      value={files.length === 1 ? (some.find((a) => a.file.digest === files[0]?.digest)?.name ?? "") : ""}
      onChange={(e) => {
        const one = some.find((a) => a.name === e.currentTarget.value);
        if (one !== undefined) onChoose(one.file);
      }}
    >
      <option value="">{t.create.libraryNone}</option>
      {some.map((a) => (
        <option key={a.name}>{a.name}</option>
      ))}
    </Select>
  );
}
