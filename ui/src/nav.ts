import { Boxes, Clapperboard, Hand, House, Images, Layers, LibraryBig, ListOrdered, Puzzle, Server, Settings, Workflow, type LucideIcon } from "lucide-react";
import { t } from "./strings.js";

/**
 * Where the navigation and the palette lead: one line for each page that has a place of its own. A phone's bar has room for six: what is
 * wide is found through the palette there.
 */
export const nav: readonly { to: string; title: string; icon: LucideIcon; wide?: true }[] = [
  { to: "/", title: t.nav.home, icon: House },
  { to: "/create", title: t.nav.create, icon: Clapperboard },
  { to: "/pipelines", title: t.nav.pipelines, icon: Workflow },
  { to: "/runs", title: t.nav.runs, icon: Layers },
  { to: "/gallery", title: t.nav.gallery, icon: Images },
  { to: "/approvals", title: t.nav.approvals, icon: Hand },
  { to: "/queue", title: t.nav.queue, icon: ListOrdered, wide: true },
  { to: "/machines", title: t.nav.machines, icon: Server, wide: true },
  { to: "/models", title: t.nav.models, icon: Boxes, wide: true },
  { to: "/node-types", title: t.nav.nodeTypes, icon: Puzzle, wide: true },
  { to: "/library", title: t.nav.library, icon: LibraryBig, wide: true },
  { to: "/settings", title: t.nav.settings, icon: Settings, wide: true },
];
