// Builds elements from text: nothing that a person or the server wrote is ever read as markup.

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(key, value === true ? '' : String(value));
    }
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ''));
  return made;
}

export const hidden = (text) => element('span', {class: 'unseen'}, text);

// A telephone number as a link that a phone can call.
export function telephone(number) {
  return element('a', {class: 'telephone', href: `tel:${number.replace(/[^+0-9]/g, '')}`}, number);
}
