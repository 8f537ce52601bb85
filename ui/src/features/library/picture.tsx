import { useQuery } from "@tanstack/react-query";
import { AudioLines, Boxes, Palette, TextQuote, UserRound, type LucideIcon } from "lucide-react";
import type { AssetKind, AssetVersion } from "../../core/assets.js";
import { asArtifact, mediaKind, type Artifact } from "../../core/values.js";
import { isText, text } from "../../data/files.js";
import { Thumbnail } from "../../kit/media.js";

export const icons: Record<AssetKind, LucideIcon> = { voice: AudioLines, face: UserRound, lora: Boxes, style: Palette, prompt: TextQuote };

/** Picture is what an asset looks like: its thumbnail or itself, a voice's loudness, the beginning of a text; else its kind. It is 16:9. */
export function Picture({ kind, version: v }: { kind: AssetKind; version: AssetVersion }) {
  const file = asArtifact(v.artifact);
  const seen = asArtifact(v.thumbnail) ?? (file !== undefined && ["image", "audio"].includes(mediaKind(file.mediaType)) ? file : undefined);
  if (seen !== undefined) return <Thumbnail artifact={seen} />;
  if (file !== undefined && isText(file.mediaType)) return <Words artifact={file} />;
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

function Words({ artifact: a }: { artifact: Artifact }) {
  const found = useQuery(text(a));
  return (
    <span className="block aspect-video w-full overflow-hidden bg-raised p-4 text-muted">
      <span className="line-clamp-5 break-words whitespace-pre-line">{found.data?.text.slice(0, 600)}</span>
    </span>
  );
}
