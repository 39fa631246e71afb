// Writes bigcode_languages/table.json from the npm package linguist-languages, whose folder is the argument:
//     npm pack linguist-languages@9.5.0 && tar xzf linguist-languages-9.5.0.tgz && node make_table.mjs package
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = resolve(process.argv[2])
const target = join(dirname(fileURLToPath(import.meta.url)), 'bigcode_languages')
const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
const languages = Object.values(await import(join(folder, 'index.js'))).sort((a, b) => (a.name < b.name ? -1 : 1))

// A language a line: a diff of two versions of the table then reads language by language.
const rows = languages.map((language) => {
  const kept = { type: language.type }
  for (const field of ['extensions', 'filenames', 'interpreters']) {
    if (language[field]?.length) kept[field] = language[field]
  }
  return `    ${JSON.stringify(language.name)}: ${JSON.stringify(kept)}`
})
const head = [`  "source": ${JSON.stringify(`${name} ${version}`)}`, '  "notice": "table.LICENSE.txt"']
writeFileSync(join(target, 'table.json'), `{\n${head.join(',\n')},\n  "languages": {\n${rows.join(',\n')}\n  }\n}\n`)

const notices = [join(folder, 'LICENSE'), join(folder, 'ThirdPartyNoticeText.txt')].map((file) => readFileSync(file, 'utf8').trim())
writeFileSync(join(target, 'table.LICENSE.txt'), notices.join('\n\n') + '\n')
