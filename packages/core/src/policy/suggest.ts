/**
 * "Did you mean …?": the nearest known name to one that is not known, by edit distance. Names longer than 64 characters are not compared: nobody mistyped those.
 */

const NAME_LENGTH_MAX = 64

/** Edits (insert, delete, replace, swap of neighbours) between two words. Damerau-Levenshtein, optimal string alignment. */
export function editDistance(from: string, to: string): number {
  let before: number[] = []
  let last: number[] = Array.from({ length: to.length + 1 }, (_, j) => j)
  for (let i = 1; i <= from.length; i++) {
    const row: number[] = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1)
      row.push(best)
    }
    before = last
    last = row
  }
  return last[to.length] ?? 0
}

/** The nearest of `names` to `word`, when near enough to be what was meant: at most a third of its letters (and at least two) differ. Case and separators count for nothing. */
export function suggest(word: string, names: readonly string[]): string | undefined {
  if (word.length > NAME_LENGTH_MAX) return undefined
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, '')
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const name of names) {
    const distance = editDistance(plain(word), plain(name))
    if (distance < bestDistance) {
      best = name
      bestDistance = distance
    }
  }
  return best
}
