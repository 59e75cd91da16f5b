/**
 * An object seen through a sheet of glass on which some members are painted over. What is not painted is the original's, called on the original, so that
 * classes with private fields keep working; `Object.create` would not do that, and spreading loses symbols and getters (js-libp2p's components even throw).
 * What is assigned later is painted too: the original is never written to.
 */

export function overlay<T extends object>(target: T, painted: Partial<T>): T {
  const glass: Partial<T> = { ...painted }
  const bound = new Map<PropertyKey, { readonly original: unknown; readonly call: unknown }>()
  return new Proxy(target, {
    get(object, property) {
      if (Object.hasOwn(glass, property)) {
        return glass[property as keyof T]
      }
      const value: unknown = Reflect.get(object, property, object)
      if (typeof value !== 'function') {
        return value
      }
      const known = bound.get(property)
      if (known?.original === value) {
        return known.call
      }
      const call: unknown = value.bind(object)
      bound.set(property, { original: value, call })
      return call
    },
    set(_object, property, value) {
      glass[property as keyof T] = value
      return true
    },
    has: (object, property) => Object.hasOwn(glass, property) || Reflect.has(object, property),
  })
}
