// Numbers over the last minute as a line on a canvas, which moves as time goes by.
const MARGIN = { top: 12, right: 14, bottom: 24, left: 52 };
const TICKS = 3;

export class Plot {
  /**
   * Times are in milliseconds since 1970; `seconds` of them are seen, and whatever is in `values`.
   */
  constructor(canvas, { seconds = 60, values = [] } = {}) {
    Object.assign(this, { canvas, seconds, values, points: [], marks: [] });
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
    let drawn = 0;
    const step = (now) => {
      if (!isCalm.matches || now - drawn > 1000) {
        drawn = now;
        this.draw();
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  clear() {
    this.points = [];
    this.marks = [];
  }

  /** A value that is no number interrupts the line. */
  add(time, value) {
    this.points.push({ time, value });
  }

  /** A vertical line, such as where the connection broke. */
  mark(time) {
    this.marks.push(time);
  }

  draw() {
    const { canvas, seconds } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    const end = Date.now();
    const begin = end - 1000 * seconds;
    while (this.points[1]?.time < begin) this.points.shift();
    while (this.marks[0] < begin) this.marks.shift();

    canvas.width = width * devicePixelRatio;
    canvas.height = height * devicePixelRatio;
    const pen = canvas.getContext("2d");
    pen.scale(devicePixelRatio, devicePixelRatio);
    const style = getComputedStyle(canvas);
    pen.font = `12px ${style.fontFamily}`;
    const box = {
      left: MARGIN.left,
      top: MARGIN.top,
      right: width - MARGIN.right,
      bottom: height - MARGIN.bottom,
    };
    const range = rangeOf([...this.values, ...this.points.map(({ value }) => value)]);
    const x = (time) => box.left + ((time - begin) / (end - begin)) * (box.right - box.left);
    const share = (value) => (value - range.low) / (range.high - range.low);
    const y = (value) => box.bottom - share(value) * (box.bottom - box.top);

    drawGrid(pen, box, range, y, style, seconds);
    pen.beginPath();
    pen.rect(box.left, 0, box.right - box.left, height);
    pen.clip();
    drawMarks(pen, box, this.marks.map(x), style.getPropertyValue("--broken"));
    const points = this.points.map(({ time, value }) => [x(time), y(value)]);
    drawLine(pen, points, style.getPropertyValue("--accent"));
  }
}

/** The lowest and the highest line of the grid, at round numbers. */
function rangeOf(all) {
  const values = all.filter(Number.isFinite);
  if (!values.length) return { low: 0, high: 1, step: 1 / TICKS, isEmpty: true };
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const rough = (most - least || Math.abs(most) || 1) / TICKS;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * magnitude >= rough) * magnitude;
  const low = Math.floor(least / step) * step;
  return { low, high: Math.max(Math.ceil(most / step) * step, low + step), step };
}

function drawGrid(pen, box, { low, high, step, isEmpty }, y, style, seconds) {
  pen.fillStyle = style.color;
  pen.strokeStyle = style.getPropertyValue("--line");
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const options = { notation: "compact", maximumFractionDigits: digits };
  const format = new Intl.NumberFormat("en", options);
  for (let value = low; value <= high + step / 2; value += step) {
    pen.beginPath();
    pen.moveTo(box.left, y(value));
    pen.lineTo(box.right, y(value));
    pen.stroke();
    if (!isEmpty) pen.fillText(format.format(value), box.left - 8, y(value));
  }
  pen.textBaseline = "bottom";
  for (const share of [0, 0.5, 1]) {
    pen.textAlign = ["left", "center", "right"][share * 2];
    const text = share === 1 ? "now" : `−${seconds * (1 - share)} s`;
    pen.fillText(text, box.left + share * (box.right - box.left), box.bottom + MARGIN.bottom);
  }
}

function drawMarks(pen, box, places, color) {
  pen.strokeStyle = color;
  pen.setLineDash([4, 4]);
  for (const x of places) {
    pen.beginPath();
    pen.moveTo(x, box.top);
    pen.lineTo(x, box.bottom);
    pen.stroke();
  }
  pen.setLineDash([]);
}

function drawLine(pen, points, color) {
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  pen.beginPath();
  let isInterrupted = true;
  for (const [x, y] of points) {
    if (Number.isFinite(y)) pen[isInterrupted ? "moveTo" : "lineTo"](x, y);
    isInterrupted = !Number.isFinite(y);
  }
  pen.stroke();
  if (!points.length || isInterrupted) return;
  pen.beginPath();
  pen.arc(...points.at(-1), 3.5, 0, 2 * Math.PI);
  pen.fill();
}
