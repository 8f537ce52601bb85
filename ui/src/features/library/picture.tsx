import { AudioLines, Boxes, Palette, TextQuote, UserRound, type LucideIcon } from "lucide-react";
import type { AssetKind, AssetVersion } from "../../core/assets.js";
import { asArtifact, mediaKind } from "../../core/values.js";
import { useBeginning } from "../../data/files.js";
import { Thumbnail } from "../../kit/media.js";

export const icons: Record<AssetKind, LucideIcon> = { voice: AudioLines, face: UserRound, lora: Boxes, style: Palette, prompt: TextQuote };

/** Picture is what an asset looks like: its thumbnail or itself, a voice's loudness, the beginning of a text; else its kind. It is 16:9. */
export function Picture({ kind, version: v }: { kind: AssetKind; version: AssetVersion }) {
  const file = asArtifact(v.artifact);
  const seen = asArtifact(v.thumbnail) ?? (file !== undefined && ["image", "audio"].includes(mediaKind(file.mediaType)) ? file : undefined);
  const words = useBeginning(seen === undefined ? file : undefined);
  if (seen !== undefined) return <Thumbnail artifact={seen} />;
  if (file !== undefined && words !== undefined) return <Thumbnail artifact={file} words={words} />;
  return <Symbol kind={kind} />;
}

function Symbol({ kind }: { kind: AssetKind }) {
  const Icon = icons[kind];
  return (
    <span className="grid aspect-video w-full place-items-center bg-raised text-muted">
      <Icon size={22} aria-hidden />
    </span>
  );
}
