/** Crons of this Worker as wrangler.toml names them: what was left behind, and what has served its time. */
export const deliveriesCron = '* * * * *'
export const cleanUpCron = '53 4 * * *'
