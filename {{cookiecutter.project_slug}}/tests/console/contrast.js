// The texts of a page that are too faint to read (WCAG 2.2, success criterion 1.4.3).
const LEAST = 4.5;

function luminance(color) {
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const [red, green, blue] = color.match(/[\d.]+/g).map((part) => linear(part / 255));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function background(element) {
  const { backgroundColor } = getComputedStyle(element);
  const isSeen = !backgroundColor.endsWith(", 0)");
  return isSeen || !element.parentElement ? backgroundColor : background(element.parentElement);
}

function contrast(element) {
  const colors = [getComputedStyle(element).color, background(element)].map(luminance);
  return (Math.max(...colors) + 0.05) / (Math.min(...colors) + 0.05);
}

function hasText(element) {
  const isText = (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim();
  return element.matches("input, select") || [...element.childNodes].some(isText);
}

return [...document.querySelectorAll("body *:not(:disabled, option)")]
  .filter((element) => element.checkVisibility() && hasText(element) && contrast(element) < LEAST)
  .map((element) => element.outerHTML);
