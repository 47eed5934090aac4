// @ts-check
/** The templates of a project; each is a folder of templates/. */
export const templates = /** @type {const} */ ([
  { name: 'hello', says: 'two small services, one of which calls the other' },
  { name: 'shop', says: 'the reference shop: catalog, inventory, payments and orders' },
]);
