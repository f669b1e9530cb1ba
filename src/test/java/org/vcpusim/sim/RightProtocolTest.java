package org.vcpusim.sim;

import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.vcpusim.check.Violation;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioFile;
import org.vcpusim.schedule.StrategyKind;

/** A machine with every fix breaks no rule, also where it does what few guests do. */
class RightProtocolTest {
    private static final long SCHEDULES = 100;

    private static final Map<String, String> SCENARIOS = new TreeMap<>(Map.ofEntries(
            entry("a vector of another vCPU's level pin becomes pending by an IPI behind the last scan", """
            vcpus = 2
            ioapic { 16 = vector 0x31 level to 1 }
            guests {
              a { vcpus = 0, do = [set-cr8 15, sti, hlt] }
              b { vcpus = 1, do = [compute 50us, ipi vector 0x31 to 0] }
            }
            """),
            entry("two vCPUs end an interrupt of a resampled pin at once", """
            vcpus = 2
            ioapic { 16 = vector 0x31 level to all }
            handlers { 0x31 = [eoi] }
            guests { w { do = [sti, compute 50us] } }
            devices { nic { line = 16, irqfd = resample, do = [assert, delay 5us, deassert] } }
            """),
            entry("a level pin reaches nobody and an MSI brings its vector", """
            vcpus = 2
            logical-ids = flat
            ioapic { 16 = vector 0x31 level logical to 0 }
            guests { a { vcpus = 0, do = [set-cr8 15, sti, hlt] } }
            devices { d { line = 16, do = [delay 30us, assert, msi vector 0x31 level to 0] } }
            """),
            entry("a device posts to a local APIC that is disabled", """
            vcpus = 2
            guests { a { vcpus = 1, do = [apic-write SPIV 0xff, { repeat = 30, do = [rdmsr 0x1b] }] } }
            devices { d { do = [delay 5us, post vector 0x81 to 1] } }
            """),
            entry("INIT of a vCPU that owes the RTC an EOI", """
            vcpus = 2
            ioapic { 8 = vector 0x42 to 1 }
            guests {
              a { vcpus = 1, do = [cli, compute 100us] }
              b { vcpus = 0, do = [compute 20us, ipi vector 0 init to 1, ipi vector 1 sipi to 1] }
            }
            devices { rtc { line = 8, do = [pulse] } }
            """),
            entry("a debugger holds the interrupts of a halted vCPU back", """
            vcpus = 1
            apicv = off
            devices { d { do = [block-irq 0, msi vector 0x41 to 0, delay 2ms, unblock-irq 0] } }
            """),
            entry("a device interrupts the host while a vCPU sends the same vector", """
            vcpus = 3
            guests {
              a { vcpus = 1, do = [ipi vector 0x81 to all, ipi vector 0x81 to all] }
              b { vcpus = 2, do = [apic-write 0x20 0x0, apic-write 0x20 0x2000000] }
            }
            devices { d { do = [interrupt-host vector 0x81 to 0, interrupt-host vector 0x81 to 0] } }
            """),
            entry("the guest of an x2APIC writes where an xAPIC has its EOI register", """
            vcpus = 2
            apic = x2apic
            handlers { 0x41 = [write 0xfee000b0 4 0, eoi] }
            guests { a { vcpus = 0, do = [sti, ipi vector 0x41 to 0, compute 10us] } }
            """),
            entry("a request wakes a vCPU that an interrupt is to wake", """
            vcpus = 3
            protocol = load-eoi-exitmap
            apicv = off
            guests {
              g0 { vcpus = 0, do = [set-low 16 vector 66 level masked, apic-write SPIV 0xff] }
              g2 { vcpus = 2, do = [hlt] }
            }
            devices { d { do = [msi vector 0x31 level to all] } }
            """),
            entry("a guest ends an interrupt by a write of eight bytes", """
            vcpus = 1
            handlers { 0x41 = [write 0xfee000b0 8 0] }
            guests { a { do = [sti, ipi vector 0x41 to self] } }
            """),
            entry("the broadcast of EOIs is suppressed with the IOAPIC in the kernel", """
            vcpus = 2
            eoi-broadcasts = suppressed
            ioapic { 16 = vector 0x31 level to 1 }
            guests { a { vcpus = 1, do = [sti, compute 50us, apic-write SPIV 0x1ff] } }
            devices { d { line = 16, do = [pulse, pulse] } }
            """),
            entry("IPIs for the least busy go to all, to others and to a destination that is half empty", """
            vcpus = 3
            logical-ids = flat
            guests {
              a { vcpus = 0, do = [sti, ipi vector 0x41 lowest to all, ipi vector 0x42 lowest to others] }
              b { vcpus = 1, do = [sti, ipi vector 0x51 lowest logical to 0x18, ipi vector 0x52 lowest logical to 0x09] }
            }
            devices { d { do = [msi vector 0x61 hint to all, msi vector 0x62 hint logical to 0x0e] } }
            """),
            entry("a start-up IPI comes to a vCPU that runs, together with an interrupt and an NMI", """
            vcpus = 2
            apicv = off
            guests {
              a { vcpus = 0, do = [sti, compute 10us, compute 10us] }
              b { vcpus = 1, do = [ipi vector 1 sipi to 0, ipi vector 0x41 to 0] }
            }
            devices { d { do = [msi vector 0x31 nmi to 0] } }
            """),
            entry("INIT of the boot processor while the PIC asks for an interrupt", """
            vcpus = 2
            routing = default
            guests {
              a { vcpus = 0, do = [cli, hlt] }
              b { vcpus = 1, do = [compute 5us, ipi vector 0 init to 0] }
            }
            devices { d { line = 4, do = [pulse] } }
            """),
            entry("KVM's map of x2APICs takes an xAPIC for one", """
            vcpus = 2
            protocol = scan-then-load
            ioapic { 16 = vector 0x31 logical to 0x02 }
            guests {
              a { vcpus = 0, apic = x2apic, do = [sti, set-low 16 vector 0x31 logical, ipi vector 0x41 logical to 0x02] }
              b { vcpus = 1, do = [sti, hlt] }
            }
            devices { d { line = 16, do = [pulse] } }
            """),
            entry("an IPI has the vector of a pin with a resampler that leads elsewhere", """
            vcpus = 2
            ioapic { 16 = vector 0x41 to 0 }
            guests { a { vcpus = 1, do = [sti, ipi vector 0x41 to 1] } }
            devices { d { line = 16, irqfd = resample, do = [assert, delay 5us, deassert] } }
            """),
            entry("a halted vCPU has a scan before it, and its SynIC the vector of a pin", """
            vcpus = 2
            protocol = scan-then-load
            synic = [0x42]
            guests {
              a { vcpus = 0, do = [hlt] }
              b { vcpus = 1, do = [compute 10us, set-entry 16 vector 0x42 level to 0] }
            }
            """),
            entry("INIT of a vCPU to which the processor is to deliver an interrupt", """
            vcpus = 2
            guests {
              a { vcpus = 0, do = [set-cr8 15, { repeat = 4, do = [compute 5us] }] }
              b { vcpus = 1, do = [ipi vector 0x41 to 0, compute 5us, ipi vector 0 init to 0] }
            }
            """),
            entry("user space puts the IOAPIC back while an edge line is high", """
            vcpus = 1
            ioapic { 16 = vector 0x31 to 0 }
            devices { d { line = 16, do = [assert, save-ioapic, restore-ioapic, assert, assert, deassert] } }
            """)));

    @TestFactory
    Stream<DynamicTest> noRuleIsBrokenBy() {
        return SCENARIOS.entrySet().stream()
                .map(each -> DynamicTest.dynamicTest(
                        each.getKey(), () -> assertEquals(List.of(), findings(each.getKey(), each.getValue()))));
    }

    private static List<Violation> findings(String name, String text) {
        Scenario scenario = ScenarioFile.parse(text, name);
        StressPlan plan =
                new StressPlan(scenario, StrategyKind.PORTFOLIO, 1, StressPlan.Budget.schedules(SCHEDULES), 1);
        StressReport report = Stress.run(plan, () -> false, count -> {});
        assertEquals(0, report.figures().cut(), "every schedule ends");
        return report.findings().stream().map(StressReport.Group::first).toList();
    }
}
