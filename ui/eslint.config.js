import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const off = (group, message) => ({ "no-restricted-imports": ["error", { patterns: [{ group, message }] }] });

export default tseslint.config(
  { ignores: ["dist", "node_modules", "scripts", "src/api/schema.ts", "*.config.*"] },
  ...tseslint.configs.strict,
  { files: ["src/**/*.{ts,tsx}"], plugins: { "react-hooks": hooks }, rules: { ...hooks.configs.recommended.rules, "react-hooks/incompatible-library": "off" } },
  // The floors of the interface: core, then kit, then shell and features, which never import each other.
  { files: ["src/core/**"], rules: off(["react", "react-dom", "**/kit/**", "**/shell/**", "**/features/**"], "core knows no framework and nothing above it") },
  { files: ["src/kit/**"], rules: off(["**/shell/**", "**/features/**", "**/data/**", "@tanstack/react-query", "@tanstack/react-router"], "kit knows no page and asks the host nothing") },
  { files: ["src/features/*/**"], rules: off(["../*/**", "!../../**", "**/features/*/**", "!../graph/graph.js", "**/shell/**"], "features import neither each other nor the shell: what two need goes into kit, core or data. The graph alone is a part of others") },
);
