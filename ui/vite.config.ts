import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds the host: a running `spinbot serve`.
const host = process.env["SPINBOT_DEV_HOST"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    target: ["chrome123", "firefox128", "safari17.5"],
    assetsInlineLimit: 0, // the host's Content-Security-Policy allows no data: in styles
    modulePreload: { polyfill: false }, // which would be an inline script
    emptyOutDir: false, // dist/.gitkeep is in git; scripts/clean.mjs removes the rest
    rolldownOptions: {
      output: {
        // Names that scripts/size.mjs measures.
        codeSplitting: {
          groups: [
            { name: "react", test: /node_modules\/(react|react-dom|scheduler|use-sync-external-store)\//, priority: 1 }, // else a part takes it along, and the shell the part
            { name: "graph", test: /node_modules\/(@xyflow|d3-|@dagrejs)/ },
            { name: "editor", test: /node_modules\/(@codemirror|codemirror|@lezer|style-mod|crelt|w3c-keyname)/ },
            { name: "chart", test: /node_modules\/uplot/ },
          ],
        },
      },
    },
  },
  server: { proxy: { "/api": host, "/health": host, "/ws": { target: host, ws: true } } },
  test: { include: ["src/**/*.test.ts"] },
});
