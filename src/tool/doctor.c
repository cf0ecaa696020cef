/* `exciton doctor`: what to look at before a report is filed, and what to do about it. */
#include "tool/doctor.h"

int tool_doctor(int argc, char **argv)
{
    bool json = false, help = false;
    const tool_option options[] = {
        {.name = "json", .help = "the report as JSON", .flag = &json},
        {0},
    };
    int result = tool_options_parse("doctor", options, argc, argv, &help);
    if (result != TOOL_DONE || help)
        return result;
    doctor_report report;
    doctor_begin(&report);
    tool_progress_begin("doctor");
    doctor_look_at_environment(&report);
    doctor_look_at_cache(&report);
    doctor_look_at_drivers(&report);
    doctor_look_at_layers(&report);
    doctor_look_at_driver_places(&report);
    doctor_look_at_devices(&report);
    tool_progress_end();
    bool wrong = report.counts[DOCTOR_ERROR] > 0;
    if (!doctor_print(&report, json))
        return tool_error(TOOL_OTHER, "doctor: report: out of memory");
    return wrong ? TOOL_CHECK_FAILED : TOOL_DONE;
}
