-- Neovim 0.7 or newer: put this into your init.lua.
local spinbot = { name = "spinbot", cmd = { "spinbot", "lsp" } }

if vim.lsp.config then -- 0.11 or newer
  vim.lsp.config("spinbot", { cmd = spinbot.cmd, filetypes = { "hcl" }, root_markers = { ".git" } })
  vim.lsp.enable("spinbot")
else
  vim.api.nvim_create_autocmd({ "BufRead", "BufNewFile" }, { pattern = "*.hcl", command = "setfiletype hcl" })
  vim.api.nvim_create_autocmd("FileType", {
    pattern = "hcl",
    callback = function(event)
      local folder = vim.fn.fnamemodify(event.file, ":p:h")
      local git = vim.fn.finddir(".git", folder .. ";")
      spinbot.root_dir = git ~= "" and vim.fn.fnamemodify(git, ":p:h:h") or folder
      if vim.lsp.start then -- 0.8 or newer
        vim.lsp.start(spinbot)
      else
        spinbot.id = spinbot.id or vim.lsp.start_client(spinbot)
        vim.lsp.buf_attach_client(event.buf, spinbot.id)
      end
    end,
  })
end
