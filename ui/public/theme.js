// Before anything is drawn: the theme that was chosen, so that nothing flashes. A script of its own, as no inline one may run.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // storage is switched off: the system's theme counts
}
