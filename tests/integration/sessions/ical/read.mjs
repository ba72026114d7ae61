// Reads a calendar strictly with ical.js, and prints its classes: node read.mjs FILE
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

ICAL.design.strict = true;
const calendar = new ICAL.Component(ICAL.parse(readFileSync(process.argv[2], "utf8")));
for (const zone of calendar.getAllSubcomponents("vtimezone")) {
  ICAL.TimezoneService.register(zone);
}
const events = calendar.getAllSubcomponents("vevent").map((each) => new ICAL.Event(each));
const told = (item, start, end) => ({
  uid: item.uid,
  start: start.toUnixTime(),
  end: end.toUnixTime(),
  title: item.summary,
  location: item.location ?? "",
  status: item.component.getFirstPropertyValue("status"),
  sequence: item.sequence,
});
const classes = [];
for (const event of events.filter((each) => !each.isRecurrenceException())) {
  for (const other of events.filter((each) => each.isRecurrenceException() && each.uid === event.uid)) {
    event.relateException(other);
  }
  if (!event.isRecurring()) {
    classes.push(told(event, event.startDate, event.endDate));
    continue;
  }
  const times = event.iterator();
  for (let time = times.next(); time; time = times.next()) {
    const { item, startDate, endDate } = event.getOccurrenceDetails(time);
    classes.push(told(item, startDate, endDate));
  }
}
console.log(JSON.stringify(classes));
