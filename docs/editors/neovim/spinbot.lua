-- Neovim 0.11: put this into your init.lua, or into lsp/ of your configuration without the last line.
vim.lsp.config("spinbot", {
  cmd = { "spinbot", "lsp" },
  filetypes = { "hcl" },
  root_markers = { ".git" },
})
vim.lsp.enable("spinbot")
