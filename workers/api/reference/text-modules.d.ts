/** A file taken along as text: by Vite as it is, by wrangler through `rules` in wrangler.toml. */
declare module '*?raw' {
  const text: string
  export default text
}
