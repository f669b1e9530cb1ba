package org.vcpusim.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What somebody is told whose scenario cannot be used: one line, with file, line, key, what was found and what must be. */
class ScenarioErrorTest {

    private static String errorOf(String text) {
        return String.valueOf(assertThrows(InputException.class, () -> ScenarioFile.parse(text, "x.conf"))
                .getMessage());
    }

    /** In the rows a bar is the end of a line. */
    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
            vcpus = 8|vcpu = 3                    ~ x.conf:2: vcpu = 3: must be a known key; did you mean vcpus?
            vcpus = 1|limits { stop = 1 }         ~ x.conf:2: limits.stop = 1: must be a known key; did you mean steps?
            vcpus = 1|limits { zzzzzz = 1 }       ~ x.conf:2: limits.zzzzzz = 1: must be a known key: steps, trace-records
            apicv = on                            ~ x.conf:1: vcpus = nothing: must be 1 to 4096
            vcpus = 0                             ~ x.conf:1: vcpus = 0: must be 1 to 4096
            vcpus = 5000                          ~ x.conf:1: vcpus = 5000: must be 1 to 4096
            vcpus = 1.5                           ~ x.conf:1: vcpus = 1.5: must be 1 to 4096
            vcpus = [1]                           ~ x.conf:1: vcpus = [1]: must be 1 to 4096
            vcpus = 1|without = [B02]|with = [O1, b02] ~ x.conf:3: with[1] = b02: must be absent, since without names it
            vcpus = 1|apicv = maybe               ~ x.conf:2: apicv = maybe: must be on or off
            vcpus = 1|protocol = scan             ~ x.conf:2: protocol = scan: must be one of load-eoi-exitmap, scan-then-load
            vcpus = 1|irqchip = user              ~ x.conf:2: irqchip = user: must be one of kernel, split, none
            vcpus = 1|irqchip = none|pit = reinject ~ x.conf:3: pit = reinject: must be absent with irqchip = none
            vcpus = 2|early-vcpus = [2]           ~ x.conf:2: early-vcpus[0] = 2: must be 0 to 1
            vcpus = 2|irqchip = split|early-vcpus = [1] ~ x.conf:3: early-vcpus = [1]: must be absent unless irqchip = kernel
            vcpus = 1|successive-eois { 16 = 10000 } ~ x.conf:2: successive-eois.16 = 10000: must be 0 to 9999
            vcpus = 1|irqchip = split|successive-eois { 16 = 1 } ~ x.conf:3: successive-eois.16 = 1: must be absent unless irqchip = kernel
            vcpus = 1|eoi-broadcasts = off        ~ x.conf:2: eoi-broadcasts = off: must be one of on, suppressed
            vcpus = 1|irqchip = split|devices { d { do = [save-ioapic] } } ~ x.conf:2: irqchip = split: must be kernel for save-ioapic and restore-ioapic in devices.d
            vcpus = 1|devices { a { line = 3, irqfd = resample }|b { line = 3, irqfd = resample } } ~ x.conf:3: devices.b.line = 3: must be a line of its own; a is on it
            vcpus = 1|irqchip = split|routing = pcat ~ x.conf:3: routing = pcat: must be absent with irqchip = split, whose routes are the entries of its IOAPIC
            vcpus = 1|reserved-ioapic-pins = 24   ~ x.conf:2: reserved-ioapic-pins = 24: must be absent unless irqchip = split
            vcpus = 1|irqchip = split|reserved-ioapic-pins = 4097 ~ x.conf:3: reserved-ioapic-pins = 4097: must be 0 to 4096
            vcpus = 1|suppress-eoi-broadcast = on ~ x.conf:2: suppress-eoi-broadcast = on: must be one of quirk, enabled, disabled
            vcpus = 1|suppress-eoi-broadcast = enabled ~ x.conf:2: suppress-eoi-broadcast = enabled: must be quirk or disabled unless irqchip = split
            vcpus = 1|pit = on                    ~ x.conf:2: pit = on: must be one of none, reinject, discard
            vcpus = 1|irqchip = split|pit = discard ~ x.conf:3: pit = discard: must be none with irqchip = split
            vcpus = 1|devices { c { do = [pit-tick] } } ~ x.conf:1: pit = none: must be reinject or discard for pit-tick in devices.c
            vcpus = 1|devices { n { line = 3, irqfd = yes } } ~ x.conf:2: devices.n.irqfd = yes: must be one of none, resample
            vcpus = 1|devices { n { line = 3, do = [remove-irqfd] } } ~ x.conf:2: devices.n.irqfd = none: must be resample for a device that removes it
            vcpus = 1|devices { n { irqfd = resample } } ~ x.conf:2: devices.n.irqfd = resample: must be none without a line
            vcpus = 1|irqchip = split|devices { n { line = 3, irqfd = resample } } ~ x.conf:3: devices.n.irqfd = resample: must be none with irqchip = split
            vcpus = 1|synic = [3]                 ~ x.conf:2: synic[0] = 3: must be 16 to 255
            vcpus = 1|synic = [16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32] ~ x.conf:2: synic = [16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32]: must be at most 16 vectors, one for each source
            vcpus = 1|devices { d { do = [sint 16 to 0] } } ~ x.conf:2: sint = 16: must be 0 to 15, in "sint 16 to 0"
            vcpus = 2|devices { d { do = [sint 1 to 2] } } ~ x.conf:2: vcpu = 2: must be 0 to 1, in "sint 1 to 2"
            vcpus = 2|devices { d { do = [sint 1 2] } } ~ x.conf:2: word = 2: must be "to", in "sint 1 2"
            vcpus = 2|devices { d { do = [block-irq 2] } } ~ x.conf:2: vcpu = 2: must be 0 to 1, in "block-irq 2"
            vcpus = 2|devices { d { do = [unblock-irq] } } ~ x.conf:2: vcpu = nothing: must be 0 to 1, in "unblock-irq"
            vcpus = 1|limits { steps = 0 }        ~ x.conf:2: limits.steps = 0: must be 1 or more
            vcpus = 1|guests = 3                  ~ x.conf:2: guests = 3: must be groups of vCPUs by name
            vcpus = 300|apic = xapic              ~ x.conf:2: apic = xapic: must be x2apic or disabled for vCPUs above 254
            vcpus = 9|logical-ids = flat          ~ x.conf:2: logical-ids = flat: must be for vCPUs 0 to 7 only
            vcpus = 2|ioapic { 24 = vector 1 }    ~ x.conf:2: pin = 24: must be 0 to 23
            vcpus = 2|ioapic { 2 = vector 300 }   ~ x.conf:2: vector = 300: must be 0 to 255, in "vector 300"
            vcpus = 2|ioapic { 2 = level }        ~ x.conf:2: vector = nothing: must be 0 to 255, in "level"
            vcpus = 2|ioapic { 2 = vector 1 edge level } ~ x.conf:2: word = level: must be absent after "edge", in "vector 1 edge level"
            vcpus = 1|devices { n { line = 24 } } ~ x.conf:2: devices.n.line = 24: must be 0 to 23
            vcpus = 1|devices { n { do = [pulse] } } ~ x.conf:2: devices.n.line = nothing: must be 0 to 23 for a device that drives one
            vcpus = 1|devices { a { line = 3 }|b { line = 3 } } ~ x.conf:3: devices.b.line = 3: must be a line of its own; a is on it
            vcpus = 1|devices { a { line = 3, irqfd = resample }|b { line = 3 }|c { line = 3 } } ~ x.conf:4: devices.c.line = 3: must be a line of its own; b is on it
            vcpus = 2|physical-cpus = 3           ~ x.conf:2: physical-cpus = 3: must be 1 to 2
            vcpus = 1|keep = vcpus                ~ x.conf:2: keep = vcpus: must be a list of keys
            vcpus = 1|keep = [devices]            ~ x.conf:2: keep[0] = devices: must be a key that this scenario has, such as guests or guests.NAME.do
            vcpus = 1|keep = [vcpus.more]         ~ x.conf:2: keep[0] = vcpus.more: must be a key that this scenario has, such as guests or guests.NAME.do
            vcpus = 1|keep = [a..b]               ~ x.conf:2: keep[0] = a..b: must be a key, such as guests or guests.NAME.do
            vcpus = 1|keep = [{}]                 ~ x.conf:2: keep[0] = {}: must be a key, such as guests or guests.NAME.do
            vcpus = 1|halt-poll = 200             ~ x.conf:2: halt-poll = 200: must be a time of at most 10ms, such as 200us; 0ns for none
            vcpus = 1|halt-poll = 11ms            ~ x.conf:2: halt-poll = 11ms: must be a time of at most 10ms, such as 200us; 0ns for none
            vcpus = 2|devices { d { do = [post vector 3 to 2] } } ~ x.conf:2: to = 2: must be 0 to 1, in "post vector 3 to 2"
            vcpus = 2|devices { d { do = [post to 1] } } ~ x.conf:2: vector = nothing: must be 0 to 255, in "post to 1"
            vcpus = 2|devices { d { do = [interrupt-host vector 3] } } ~ x.conf:2: to = nothing: must be 0 to 1, in "interrupt-host vector 3"
            vcpus = 2|devices { d { do = [preempt 2] } } ~ x.conf:2: vcpu = 2: must be 0 to 1, in "preempt 2"
            vcpus = 2|physical-cpus = 1|devices { d { do = [migrate 1 to 1] } } ~ x.conf:3: to = 1: must be 0 to 0, in "migrate 1 to 1"
            vcpus = 1|handlers { 0x31 = [], 49 = [] } ~ x.conf:2: vector = 49: must be named once; it is 0x31 too
            vcpus = 1|handlers { 256 = [] }       ~ x.conf:2: vector = 256: must be 0 to 255
            vcpus = 4|guests { a { vcpus = 4 } }  ~ x.conf:2: guests.a.vcpus = 4: must be vCPUs of 0 to 3, such as 0, 1..3, 4..last, "0, 2..4", all or others
            vcpus = 8||guests { a { vcpus = 1..3 }|b { vcpus = 0 2 } } ~ x.conf:4: guests.b.vcpus = 0 2: must be vCPUs of no other group; 2 is in a
            vcpus = 1|guests { a {}|b {} }        ~ x.conf:3: b.vcpus = others: must be of one group only; it is of a
            vcpus = 1|guests { a { l2 { dos = [] } } } ~ x.conf:2: guests.a.l2.dos = []: must be a known key; did you mean do?
            vcpus = 1|guests { a { l2 { controls = [vid] } } } ~ x.conf:2: guests.a.l2.controls[0] = vid: must be one of external-interrupt-exiting, nmi-exiting, process-posted-interrupts, acknowledge-interrupt-on-exit, hlt-exiting, interrupt-window-exiting, use-tpr-shadow, virtualize-apic-accesses, virtualize-x2apic-mode, apic-register-virtualization, virtual-interrupt-delivery
            vcpus = 1|guests { a { l2 { eoi-exits = [256] } } } ~ x.conf:2: guests.a.l2.eoi-exits[0] = 256: must be 0 to 255
            vcpus = 1|guests { a { l2 { eoi-exits = 3 } } } ~ x.conf:2: guests.a.l2.eoi-exits = 3: must be a list of vectors
            vcpus = 1|guests { a { l2 { notification-vector = 300 } } } ~ x.conf:2: guests.a.l2.notification-vector = 300: must be 0 to 255
            vcpus = 1|guests { a { l2 { exits { HALT = [] } } } } ~ x.conf:2: exit = HALT: must be one of EXCEPTION_NMI, EXTERNAL_INTERRUPT, INIT_SIGNAL, SIPI_SIGNAL, INTERRUPT_WINDOW, NMI_WINDOW, CPUID, HLT, VMCALL, VMRESUME, VMWRITE, CR_ACCESS, IO_INSTRUCTION, MSR_READ, MSR_WRITE, PAUSE_INSTRUCTION, TPR_BELOW_THRESHOLD, APIC_ACCESS, EOI_INDUCED, EPT_VIOLATION, EPT_MISCONFIG, PREEMPTION_TIMER, APIC_WRITE
            vcpus = 1|guests { a { l2 { do = [enter-l2] } } } ~ x.conf:2: instruction = enter-l2: must be in a program of the group, not of its l2, in "enter-l2"
            vcpus = 1|guests { a { do = [enter-l2] } } ~ x.conf:2: instruction = enter-l2: must be in a group with l2, in "enter-l2"
            vcpus = 1|guests { a { do = [vmcall] } } ~ x.conf:2: instruction = vmcall: must be in a program of l2, in "vmcall"
            vcpus = 1|guests { a { l2 {}|do = [vmwrite VM_EXIT_REASON 3] } } ~ x.conf:3: field = VM_EXIT_REASON: must be the name of a VMCS field that can be written, such as GUEST_INTR_STATUS, in "vmwrite VM_EXIT_REASON 3"
            vcpus = 1|guests { a { l2 {}|do = [vmwrite TPR_THRESHOLD -1] } } ~ x.conf:3: value = -1: must be 0x0 to 0xffffffff, in "vmwrite TPR_THRESHOLD -1"
            vcpus = 1|guests { a { l2 {}|do = [request-l2 256] } } ~ x.conf:3: vector = 256: must be 0 to 255, in "request-l2 256"
            vcpus = 1|guests { a { l2 { do = [post-l2 vector 50 to 0] } } } ~ x.conf:2: instruction = post-l2: must be in a program of the group, not of its l2, in "post-l2 vector 50 to 0"
            vcpus = 2|guests { a { do = [post-l2 vector 50 to 2] } } ~ x.conf:2: to = 2: must be 0 to 1, in "post-l2 vector 50 to 2"
            = {                                   ~ x.conf:1: must be HOCON: expecting a close parentheses ')' here, not: '='
            { vcpus = 1                           ~ x.conf:1: must be HOCON: Expecting close brace } or a comma, got end of file
            vcpus = 1|x = ${y}                    ~ x.conf:2: must be HOCON: Could not resolve substitution to a value: ${y}
            [1]                                   ~ x.conf:1: must be HOCON: has type LIST rather than object at file root
            vcpus = 1|include "other.conf"        ~ x.conf:2: include = other.conf: must be absent; a scenario is one file
            """)
    void aScenarioIsRefusedInOneLine(String text, String message) {
        assertEquals(message, errorOf(text.replace('|', '\n')));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
            set-low 25 vector 3      ~ pin = 25: must be 0 to 23, in "set-low 25 vector 3"
            set-high 3               ~ to = nothing: must be 0 to 255 or all, in "set-high 3"
            set-high 3 to 256        ~ to = 256: must be 0 to 255 or all, in "set-high 3 to 256"
            sett-low 3               ~ guests.a.do[1] = sett-low 3: must be a known instruction; did you mean set-low?
            sti 3                    ~ word = 3: must be absent, in "sti 3"
            compute 5                ~ time = 5: must be a time of at most an hour, such as 500ns, 10us, 2ms or 1s, in "compute 5"
            compute 2000000s         ~ time = 2000000s: must be a time of at most an hour, such as 500ns, 10us, 2ms or 1s, in "compute 2000000s"
            acknowledge disk         ~ device = disk: must be one of nic, in "acknowledge disk"
            ipi vector 3             ~ to = nothing: must be 0 to 255, self, all or others, in "ipi vector 3"
            apic-write TPR 3         ~ register = TPR: must be the name of a register, or an offset of 0 to 0x3f0 that is a multiple of 0x10, in "apic-write TPR 3"
            apic-write 0x81 3        ~ register = 0x81: must be the name of a register, or an offset of 0 to 0x3f0 that is a multiple of 0x10, in "apic-write 0x81 3"
            synic-sint 16 vector 3   ~ sint = 16: must be 0 to 15, in "synic-sint 16 vector 3"
            synic-sint 1             ~ vector = nothing: must be 0 to 255, in "synic-sint 1"
            synic-sint 1 vector 256  ~ vector = 256: must be 0 to 255, in "synic-sint 1 vector 256"
            synic-sint 1 vector 99 level ~ word = level: must be one of the operands: SINT vector V [auto-eoi] [masked], in "synic-sint 1 vector 99 level"
            read 0 3                 ~ size = 3: must be 1, 2, 4 or 8, in "read 0 3"
            "{ repeat = -1, do = [] }" ~ guests.a.do[1] = { repeat = -1, do = [] }: must be a known instruction: nop, sti, cli, hlt, eoi, exit, compute, acknowledge, set-entry, set-high, set-low, mask, unmask, ioapic-write, apic-write, ipi, set-cr8, rdmsr, wrmsr, synic-sint, read, write, in, out, enter-l2, vmwrite, request-l2, post-l2, vmcall
            { repeat = -1, do = [] } ~ guests.a.do[1].repeat = -1: must be 0 to 1000000000
            { do = [] }              ~ guests.a.do[1].repeat = nothing: must be 0 to 1000000000
            """)
    void anInstructionIsRefusedWithItsLine(String instruction, String message) {
        String text = "vcpus = 1\ndevices { nic { line = 3 } }\nguests { a { do = [\nsti\n" + instruction + "\n] } }";
        assertEquals("x.conf:5: " + message, errorOf(text));
    }

    @Test
    void aFileThatIsNoScenarioIsRefusedByItsPath(@TempDir Path folder) throws IOException {
        Path binary = Files.write(folder.resolve("binary"), new byte[] {'v', 0, 1});
        Path latin = Files.write(folder.resolve("latin"), new byte[] {'#', (byte) 0xe4, '\n'});
        Path empty = Files.writeString(folder.resolve("empty"), " \n");
        Path large = Files.write(folder.resolve("large"), new byte[1024 * 1024 + 1]);
        Path deep = Files.writeString(folder.resolve("deep"), "x = \n" + "[".repeat(100_000));
        assertEquals(folder + ": must be a file, is a directory", errorOf(folder));
        assertEquals(folder + "/none: must be a file that exists", errorOf(folder.resolve("none")));
        assertEquals(binary + ": byte 1 = 0x00: must be text in UTF-8", errorOf(binary));
        assertEquals(latin + ": must be text in UTF-8", errorOf(latin));
        assertEquals(empty + ":1: must be a scenario, is empty", errorOf(empty));
        assertEquals(large + ": size = 1048577: must be at most 1048576 bytes", errorOf(large));
        assertEquals(deep + ":2: brackets = 101 deep: must be at most 100 deep", errorOf(deep));
    }

    private static String errorOf(Path path) {
        return String.valueOf(assertThrows(InputException.class, () -> ScenarioFile.read(path))
                .getMessage());
    }

    @Test
    void anotherCountOfVcpusIsCheckedAgainstTheGroups() {
        Scenario scenario = ScenarioFile.parse("vcpus = 4\nguests { a { vcpus = 0..3 } }", "x.conf");
        assertEquals(
                "x.conf:2: guests.a.vcpus = 0..3: must be vCPUs of 0 to 1, such as 0, 1..3, 4..last, \"0, 2..4\","
                        + " all or others",
                assertThrows(InputException.class, () -> scenario.withVcpus(2)).getMessage());
        assertEquals(
                "--vcpus = 5000: must be 1 to 4096",
                assertThrows(InputException.class, () -> scenario.withVcpus(5000))
                        .getMessage());
    }
}
