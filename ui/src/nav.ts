import { House, Layers, Workflow, type LucideIcon } from "lucide-react";
import { t } from "./strings.js";

/** Where the navigation and the palette lead: one line for each page that has a place of its own. */
export const nav: readonly { to: string; title: string; icon: LucideIcon }[] = [
  { to: "/", title: t.nav.home, icon: House },
  { to: "/pipelines", title: t.nav.pipelines, icon: Workflow },
  { to: "/runs", title: t.nav.runs, icon: Layers },
];
