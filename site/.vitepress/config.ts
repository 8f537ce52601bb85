// The site of docs/: make site builds it into dist/site. Pages are the files that GitHub shows, without a word more.
import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type MarkdownRenderer } from 'vitepress'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const docs = join(root, 'docs')
const source = 'https://github.com/myspinbot/spinbot/blob/main/'

/** Links of pages lead to pages; what is not below docs/ is read in the repository. */
function link(href: string, page: string): string {
  if (/^[a-z]+:|^#|^\//.test(href)) return href
  const [path, anchor] = href.split('#')
  let at = resolve(docs, dirname(page), decodeURI(path))
  if (existsSync(join(at, 'README.md'))) at = join(at, 'README.md')
  const hash = anchor ? `#${anchor}` : ''
  const inside = relative(docs, at)
  if (inside.startsWith('..') || !inside.endsWith('.md')) return source + relative(root, at) + hash
  return relative(dirname(page), inside).replace(/README\.md$/, 'index.md').replace(/^(?!\.)/, './') + hash
}

/** The name of the file that a block is to be saved as, or of the terminal that it is typed into, stands above it. */
function titles(md: MarkdownRenderer) {
  const fence = md.renderer.rules.fence!
  md.renderer.rules.fence = (tokens, i, options, env, self) => {
    const [, title] = tokens[i].info.match(/ title="([^"]+)"/) ?? []
    tokens[i].info = tokens[i].info.replace(/ title="[^"]+"/, '')
    const block = fence(tokens, i, options, env, self)
    return title ? `<div class="titled"><p class="block-title">${md.utils.escapeHtml(title)}</p>${block}</div>` : block
  }
}

export default defineConfig({
  title: 'MySpinBot',
  description: 'Pipelines that make things of other things: on one machine, or on several',
  lang: 'en',
  srcDir: './pages',
  outDir: '../dist/site',
  cacheDir: './.vitepress/cache',
  cleanUrls: true,
  rewrites: {
    'README.md': 'index.md',
    ':folder/README.md': ':folder/index.md',
  },
  srcExclude: ['**/node_modules/**'],
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  // Pages are a link to their folder: they are to find what is installed in this one.
  vite: { resolve: { preserveSymlinks: true } },
  markdown: {
    // As GitHub makes them of headings, so that a link works in both.
    anchor: { slugify: (text) => text.trim().toLowerCase().replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '').replace(/ /g, '-') },
    languageAlias: { pml: 'c' },
    config(md) {
      titles(md)
      // Pages are text: what stands in two braces is no expression of Vue's.
      md.renderer.rules.text = (tokens, i) => md.utils.escapeHtml(tokens[i].content).replaceAll('{{', '&#123;&#123;')
      md.core.ruler.push('links', (state) => {
        for (const block of state.tokens)
          for (const token of block.children ?? []) {
            const at = token.type === 'link_open' ? 'href' : ''
            const href = at && token.attrGet(at)
            if (href) token.attrSet(at, link(href, relative(join(root, 'site/pages'), state.env.realPath ?? state.env.path)))
          }
      })
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: 'https://github.com/myspinbot/spinbot' }],
    nav: [
      { text: 'Tutorials', link: '/tutorials/' },
      { text: 'Language', link: '/language' },
      { text: 'Reference', link: '/reference/cli' },
    ],
    sidebar: [
      {
        text: 'Tutorials',
        items: [
          { text: 'Before you begin', link: '/tutorials/' },
          { text: 'First pipeline', link: '/tutorials/first-pipeline' },
          { text: 'First control node', link: '/tutorials/first-control-node' },
          { text: 'First plugin', link: '/tutorials/first-plugin' },
          { text: 'Two machines', link: '/tutorials/two-machines' },
          { text: 'From ComfyUI', link: '/tutorials/from-comfyui' },
          { text: 'One GPU for everything', link: '/tutorials/one-gpu' },
        ],
      },
      {
        text: 'Making things',
        items: [
          { text: 'The language', link: '/language' },
          { text: 'Pipelines that ship', link: '/pipelines' },
          { text: 'Testing', link: '/testing' },
          { text: 'Schedules and webhooks', link: '/triggers' },
          { text: 'A portrait that speaks', link: '/talking-avatar' },
          { text: 'Training', link: '/train' },
          { text: 'Ollama', link: '/ollama' },
          { text: 'Provenance', link: '/provenance' },
          { text: 'Web interface', link: '/ui' },
          { text: 'Editors', link: '/editors/' },
        ],
      },
      {
        text: 'Machines',
        items: [
          { text: 'Devices', link: '/devices' },
          { text: 'Placement', link: '/placement' },
          { text: 'One GPU, several engines', link: '/one-gpu' },
          { text: 'A fleet', link: '/fleet' },
          { text: 'Several hosts', link: '/hosts' },
          { text: 'Artifacts', link: '/artifacts' },
          { text: 'Model files', link: '/model-files' },
          { text: 'Deploying', link: '/deploy' },
          { text: 'Backup', link: '/backup' },
          { text: 'Metrics', link: '/metrics' },
          { text: 'Tracing', link: '/tracing' },
          { text: 'The bill', link: '/bill' },
          { text: 'Soak test', link: '/soak' },
        ],
      },
      {
        text: 'Writing node types',
        items: [
          { text: 'Control nodes', link: '/control-nodes' },
        ],
      },
      {
        text: 'Reference',
        items: [
          { text: 'Command line', link: '/reference/cli' },
          { text: 'Control nodes that ship', link: '/nodes' },
          { text: 'Plugins that ship', link: '/reference/plugins' },
          { text: 'Configuration', link: '/configuration' },
          { text: 'API', link: '/api' },
          { text: 'Fleet protocol', link: '/protocol' },
        ],
      },
    ],
  },
})
