import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CircleUser, LogOut, Monitor, Moon, Settings, Sun } from "lucide-react";
import { api, ask, me, queries } from "../data/host.js";
import { IconButton } from "../kit/button.js";
import { Menu } from "../kit/menu.js";
import { toastProblem } from "../kit/toast.js";
import { t } from "../strings.js";
import { setTheme, useTheme } from "../kit/theme.js";

/** signOut ends the session, and forgets what it has shown. */
export const signOut = (): void =>
  void ask(api.DELETE("/api/v1/session")).then(() => {
    queries.clear();
    queries.setQueryData(me.queryKey, null);
  }, toastProblem);

/** Account is who is signed in, the theme, and the way out. */
export function Account() {
  const who = useQuery(me).data;
  const theme = useTheme();
  const go = useNavigate();
  return (
    <Menu
      trigger={
        <IconButton label={who ? t.account.as(who.user, who.role) : t.theme.label}>
          <CircleUser size={16} />
        </IconButton>
      }
      groups={[
        [
          { title: t.theme.system, icon: Monitor, on: theme === "auto", onSelect: () => setTheme("auto") },
          { title: t.theme.light, icon: Sun, on: theme === "light", onSelect: () => setTheme("light") },
          { title: t.theme.dark, icon: Moon, on: theme === "dark", onSelect: () => setTheme("dark") },
        ],
        [{ title: t.nav.settings, icon: Settings, onSelect: () => void go({ to: "/settings" }) }],
        ...(who?.sign_in ? [[{ title: t.account.signOut, icon: LogOut, onSelect: signOut }]] : []),
      ]}
    />
  );
}
