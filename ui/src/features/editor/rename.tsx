import { useState } from "react";
import { Button } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Input } from "../../kit/field.js";
import { t } from "../../strings.js";

/** Rename asks for a name's other one. rename gives what is wrong with it; undefined: it was done. */
export function Rename({ name, rename, onClose }: { name: string; rename: (to: string) => Promise<string | undefined>; onClose: () => void }) {
  const [to, setTo] = useState(name);
  const [wrong, setWrong] = useState<string>();
  return (
    <Dialog
      open
      onClose={onClose}
      title={t.editor.rename(name)}
      actions={
        <Button look="fill" type="submit" form="rename" disabled={to === name || to === ""}>
          {t.editor.doRename}
        </Button>
      }
    >
      <form
        id="rename"
        onSubmit={(e) => {
          e.preventDefault();
          void rename(to).then((said) => (said === undefined ? onClose() : setWrong(said)));
        }}
      >
        <Input label={t.editor.newName} value={to} error={wrong} data-first spellCheck={false} autoComplete="off" onFocus={(e) => e.currentTarget.select()} onChange={(e) => setTo(e.currentTarget.value)} />
      </form>
    </Dialog>
  );
}
