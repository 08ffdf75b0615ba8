/** Does the same work for each item, at most so many at once; the results stand in the order of the items. */
export async function inParallel<Item, Result>(items: readonly Item[], atOnce: number, work: (item: Item) => Promise<Result>) {
  const results: [Item, Result][] = []
  const waiting = items.entries()
  const workers = Array.from({ length: atOnce }, async () => {
    for (const [index, item] of waiting) results[index] = [item, await work(item)]
  })
  await Promise.all(workers)
  return results
}
