import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { kinds, type AssetKind } from "./core/assets.js";
import { lookOf, words, type Words } from "./core/gallery.js";
import { filterOf } from "./core/history.js";
import { views, type View } from "./features/run/views.js";
import { Broken } from "./shell/broken.js";
import { Missing } from "./shell/missing.js";
import { Shell } from "./shell/shell.js";

/** A file that a form begins with: its digest, and its name. */
interface Given {
  file?: string;
  name?: string;
}
const given = (search: Record<string, unknown>): Given => ({
  ...(typeof search["file"] === "string" ? { file: search["file"] } : {}),
  ...(typeof search["name"] === "string" ? { name: search["name"] } : {}),
});

const root = createRootRoute({ component: Shell, notFoundComponent: Missing });

/** Every page: its path, and where its code is. It is loaded when it is opened. */
const pages = [
  createRoute({ getParentRoute: () => root, path: "/", component: lazyRouteComponent(() => import("./features/home/home.js"), "Home") }),
  createRoute({
    getParentRoute: () => root,
    path: "/create",
    validateSearch: (search): Given & { with?: string } => ({ ...given(search), ...(typeof search["with"] === "string" ? { with: search["with"] } : {}) }),
    component: lazyRouteComponent(() => import("./features/create/create.js"), "Create"),
  }),
  createRoute({ getParentRoute: () => root, path: "/open", validateSearch: given, component: lazyRouteComponent(() => import("./features/open/open.js"), "Open") }),
  createRoute({ getParentRoute: () => root, path: "/pipelines", component: lazyRouteComponent(() => import("./features/pipelines/pipelines.js"), "Pipelines") }),
  createRoute({ getParentRoute: () => root, path: "/pipelines/$name", validateSearch: given, component: lazyRouteComponent(() => import("./features/pipelines/launch.js"), "LaunchPage") }),
  createRoute({ getParentRoute: () => root, path: "/pipelines/$name/edit", component: lazyRouteComponent(() => import("./features/editor/editor.js"), "EditorPage") }),
  createRoute({ getParentRoute: () => root, path: "/runs", validateSearch: filterOf, component: lazyRouteComponent(() => import("./features/runs/runs.js"), "Runs") }),
  createRoute({
    getParentRoute: () => root,
    path: "/runs/$id",
    validateSearch: (search): { node?: string; view?: View } => {
      const view = views.find((v) => v === search["view"]);
      return { ...(typeof search["node"] === "string" ? { node: search["node"] } : {}), ...(view === undefined ? {} : { view }) };
    },
    component: lazyRouteComponent(() => import("./features/run/run.js"), "RunPage"),
  }),
  createRoute({ getParentRoute: () => root, path: "/compare/$a/$b", component: lazyRouteComponent(() => import("./features/compare/compare.js"), "Compare") }),
  createRoute({ getParentRoute: () => root, path: "/gallery", validateSearch: lookOf, component: lazyRouteComponent(() => import("./features/gallery/gallery.js"), "Gallery") }),
  createRoute({
    getParentRoute: () => root,
    path: "/library",
    validateSearch: (search): { kind?: AssetKind; add?: string; as?: string } => ({
      ...(kinds.includes(search["kind"] as AssetKind) ? { kind: search["kind"] as AssetKind } : {}),
      ...(typeof search["add"] === "string" ? { add: search["add"] } : {}),
      ...(typeof search["as"] === "string" ? { as: search["as"] } : {}),
    }),
    component: lazyRouteComponent(() => import("./features/library/library.js"), "Library"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/library/$kind/$name",
    validateSearch: (search): { version?: number } => (typeof search["version"] === "number" ? { version: search["version"] } : {}),
    component: lazyRouteComponent(() => import("./features/library/asset.js"), "AssetPage"),
  }),
  createRoute({ getParentRoute: () => root, path: "/approvals", component: lazyRouteComponent(() => import("./features/approvals/approvals.js"), "Approvals") }),
  createRoute({ getParentRoute: () => root, path: "/queue", component: lazyRouteComponent(() => import("./features/queue/queue.js"), "QueuePage") }),
  createRoute({
    getParentRoute: () => root,
    path: "/machines",
    validateSearch: (search): { machine?: string; device?: string } => ({
      ...(typeof search["machine"] === "string" ? { machine: search["machine"] } : {}),
      ...(typeof search["device"] === "string" ? { device: search["device"] } : {}),
    }),
    component: lazyRouteComponent(() => import("./features/machines/machines.js"), "Machines"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/settings",
    validateSearch: (search): { part?: string } => (typeof search["part"] === "string" ? { part: search["part"] } : {}),
    component: lazyRouteComponent(() => import("./features/settings/settings.js"), "Settings"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/models",
    validateSearch: (search): Words & { kind?: string; model?: string } => ({
      ...words(search),
      ...(typeof search["kind"] === "string" ? { kind: search["kind"] } : {}),
      ...(typeof search["model"] === "string" ? { model: search["model"] } : {}),
    }),
    component: lazyRouteComponent(() => import("./features/models/models.js"), "Models"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/node-types",
    validateSearch: (search): Words & { type?: string } => ({ ...words(search), ...(typeof search["type"] === "string" ? { type: search["type"] } : {}) }),
    component: lazyRouteComponent(() => import("./features/node-types/node-types.js"), "NodeTypes"),
  }),
];

export const router = createRouter({ routeTree: root.addChildren(pages), defaultErrorComponent: Broken, defaultPreload: "intent", scrollRestoration: false });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
